"""What an agent remembers: replay, priorities, n-step returns, observations kept once."""
