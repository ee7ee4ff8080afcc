"""Row 8: the stories: photos (photo.py) and clips (video.py) to finished results."""
