-- Which way a camera looks, where it is known: haechi.domain.video.CameraView.
ALTER TABLE cameras ADD COLUMN view jsonb;
