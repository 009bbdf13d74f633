"""How the desk behaves beyond answering: who hands over, who is greeted, what is declined, what is never said."""
