"""What is open, chosen and to be done: the model under the views. No Qt here."""
