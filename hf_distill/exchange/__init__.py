"""Exchange: files in the layouts of other libraries of the field, read and written."""
