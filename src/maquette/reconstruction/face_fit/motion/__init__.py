"""The motion of a face, learned: from what each frame was read as to what the face did."""
