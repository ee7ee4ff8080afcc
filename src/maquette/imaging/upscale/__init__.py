"""Pictures made two or four times larger: interpolation, SRCNN and ESPCN. The table is in `method`."""
