"""The command `vis3d`: parse, call the library, print."""
