"""What end users can do, and the facade that offers it."""
