"""Things people wear or hold before their face: glasses, hats, masks, hands."""
