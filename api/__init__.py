"""The only room that may know Django REST framework."""
