"""What the commands do: call the library, show the answer."""
