"""The provider schema the rig serves, and the program that derives it from published packages."""
