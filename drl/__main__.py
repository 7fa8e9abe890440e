"""`python -m drl`: the command, where its script is not in the path."""

import sys

from drl.cli.main import main

sys.exit(main())
