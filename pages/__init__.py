"""The pages of the app; what they share is in `pages._ui`."""
