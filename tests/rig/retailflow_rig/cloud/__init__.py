"""AWS on this computer: moto's server with the gaps that matter here filled, a log of calls, and faults to order."""
