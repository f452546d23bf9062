"""SavedModels from elsewhere."""
