"""What account plans do beyond what every resource does."""
