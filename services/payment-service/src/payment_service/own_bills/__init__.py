"""The bills of the member who is signed in, with what to do about each."""
