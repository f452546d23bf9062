"""The dream itself: objective, gradient, filter, step, loop."""
