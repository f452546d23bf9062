"""What the user can do: the table of actions, and the actions that menus and keys call."""
