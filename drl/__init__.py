"""Hand-written gradients: one network for supervised digits and for deep Q-learning."""
