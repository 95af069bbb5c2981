"""What builds the documentation: pictures drawn from code and data, and pages generated for the site."""
