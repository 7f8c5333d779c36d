"""One small module a command: parse, call the library, print."""
