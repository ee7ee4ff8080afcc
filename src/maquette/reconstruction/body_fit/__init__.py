"""The rigged body, fitted to key points and silhouette; published methods for people build on its fit."""
