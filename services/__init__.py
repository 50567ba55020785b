"""The two services. They share nothing but `shared/`: no database, no code, no import."""
