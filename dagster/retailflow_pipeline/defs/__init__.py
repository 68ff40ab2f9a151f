"""The definitions, one module for each part of the asset graph."""
