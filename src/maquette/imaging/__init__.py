"""Frame -> Frame: pictures made larger before anything looks for a face in them."""
