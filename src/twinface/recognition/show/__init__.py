"""Show what was found in photos and why two faces are called the same: as a picture or as a page.

save          shows a pair in a file: PNG or HTML
view          what is shown of a photo and of a pair
score_scale   a score between the distributions of impostor and genuine scores
photo_drawing boxes and landmarks over a photo
sheet         a view as one picture
scale_drawing the scale in that picture
page          a view as a self-contained page
page_parts    its figures and tables
scale_svg     the scale in that page
"""
