"""HRN taught further: its detail, and what it reads first."""
