"""The model under the views: open sounds, selections, recipes, takes. No Qt here."""
