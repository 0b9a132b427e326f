"""Files that clients upload to the documents bucket."""
