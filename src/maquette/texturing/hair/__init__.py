"""Hair of a head: a style out of twelve, placed on the skull, bent to the photo's outline, in the photo's colours."""
