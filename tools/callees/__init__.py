"""What the callees of the demo and of the peer tests are made of: G.711, RTP, pcap, a small SIP
user agent server. Python standard library only."""
