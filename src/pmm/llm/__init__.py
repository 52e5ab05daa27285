"""The models: one port, thin adapters. They know messages and pieces; they know nothing of minds, logs or prompts' meaning."""
