"""The API's benchmark."""
