"""Published weights of others to our safetensors files, through readers that run nothing of what they read."""
