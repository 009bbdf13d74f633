"""What a message asks: its parts, what it leans on, the places and things it names in other words."""
