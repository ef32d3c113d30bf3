"""`streetloop crossval`: scores on places that training has not seen, each place held out in turn."""
