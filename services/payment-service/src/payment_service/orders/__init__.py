"""What a virtual account asks for: one bill, or the bills of up to a hundred members together."""
