"""People in pictures: where they are, their key points, outlines, crops and how good the picture is."""
