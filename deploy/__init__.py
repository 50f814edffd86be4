"""What a deployment is made from: manifests, secrets, the list of the parts of an image."""
