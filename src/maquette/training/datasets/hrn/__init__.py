"""What HRN learns from: photographs of faces, and scans with photographs."""
