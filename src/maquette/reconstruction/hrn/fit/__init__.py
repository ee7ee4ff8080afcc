"""HRN fitted to photos after its networks have read them: losses, several views at once, the texture's residual."""
