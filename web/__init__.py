"""What people and other sites see: the site, the API and the command line."""
