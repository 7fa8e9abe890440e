"""TensorBoard's event files, written without tensorflow or torch."""
