"""view.html: a result that opens in a browser by double click."""
