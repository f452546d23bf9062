"""The controllers: carry out the actions on a studio, driving the panels they get."""
