"""The explorer: a page in which a person flies through the latent space; the server, the widget and one ES module."""
