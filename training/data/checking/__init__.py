"""What is wrong with a data set, what is in it, and a page of samples."""
