"""What decides a result: recipes, objectives as text, presets, automation, names."""
