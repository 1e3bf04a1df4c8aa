"""What tools/rtpload/check.py holds rtpload against."""
