"""Files of a face's levels of detail: the displaced mesh, its maps, the contact sheet, the face that swings."""
